# What `cmake --install` and `cpack` put where; the packages are described at the end.
include(GNUInstallDirs)
install(TARGETS thaw RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS thaw_shared EXPORT thaw LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES engine/lib/thaw.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES assets/examples/letters.c DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT thaw NAMESPACE thaw:: FILE thaw-config.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/thaw)
file(RELATIVE_PATH PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # the prefix as seen from the file: it may be moved
configure_file(assets/thaw.pc.in ${PROJECT_BINARY_DIR}/thaw.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/thaw.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/thaw FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY assets DESTINATION ${CMAKE_INSTALL_DATADIR}/thaw
  PATTERN "*.cmake" EXCLUDE PATTERN "*.svg" EXCLUDE PATTERN "*.in" EXCLUDE PATTERN completions EXCLUDE
  PATTERN examples EXCLUDE PATTERN CHANGELOG.md EXCLUDE)
install(FILES assets/completions/thaw.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME thaw)
install(FILES assets/completions/_thaw DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES assets/completions/thaw.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# The manual's pages, by the program from its own tables and lessons.
set(PAGES ${PROJECT_BINARY_DIR}/thaw.1 ${PROJECT_BINARY_DIR}/thaw-config.5 ${PROJECT_BINARY_DIR}/thaw-lessons.7)
file(GLOB LESSONS ${PROJECT_SOURCE_DIR}/assets/lessons/*.yaml)
add_custom_command(OUTPUT ${PAGES}
  COMMAND thaw --help=man >${PROJECT_BINARY_DIR}/thaw.1
  COMMAND thaw config --explain --man >${PROJECT_BINARY_DIR}/thaw-config.5
  COMMAND thaw lesson --man >${PROJECT_BINARY_DIR}/thaw-lessons.7
  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} # a thaw that is to be installed looks for its lessons where it will be
  DEPENDS thaw ${LESSONS})
add_custom_target(manual ALL DEPENDS ${PAGES})
install(FILES ${PROJECT_BINARY_DIR}/thaw.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_BINARY_DIR}/thaw-config.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${PROJECT_BINARY_DIR}/thaw-lessons.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
install(FILES README.md assets/CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright) # the name that Debian looks for

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_VENDOR "The thaw authors")
set(CPACK_PACKAGE_CONTACT "The thaw authors <thaw@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "pre-train and fine-tune a small language model, and see it learn")
set(CPACK_PACKAGE_DESCRIPTION "thaw trains a language model, then specialises it, in a terminal: live loss curves, a freeze
toggle for every layer while it trains, base and tuned output side by side. On processors
alone; reads and writes Hugging Face model folders.")
set(CPACK_PACKAGE_FILE_NAME "thaw_${PROJECT_VERSION}_${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # asks dpkg-shlibdeps which libraries' packages are needed
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "wordnet-base")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "dict-gcide, trans-de-en")
include(CPack)
